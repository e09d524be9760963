-- Lines above the ceiling that their item's price has on their day, by the price list handed in. A line
-- without a day is held against a ceiling that holds always.
WITH above AS (
    SELECT
        l.*, q.price AS ceiling, part(q.price, l.quantity, 10000) AS most
    FROM lines l
    JOIN ceilings q ON q.item = l.item
        AND coalesce(l.day >= q.since AND l.day < q.until, q.always)
    WHERE l.quantity > 0 AND l.amount > part(q.price, l.quantity, 10000)
)
SELECT
    a.case_no, r.rule, NULL::VARCHAR AS row, r.level,
    list_sort(list(a.line)) AS lines,
    [a.item] AS items,
    min(a.day) AS day,
    (100 * sum(a.amount))::BIGINT AS observed,
    (100 * sum(a.most))::BIGINT AS allowed,
    'yuan' AS unit,
    (sum(a.amount) - sum(a.most))::BIGINT AS amount,
    [{'key': 'ceiling', 'value': (a.ceiling / 100)::DECIMAL(18, 2)::VARCHAR}] AS evidence
FROM above a, (SELECT * FROM rules WHERE sql = 'price') r
GROUP BY a.case_no, a.item, a.ceiling, r.rule, r.level
