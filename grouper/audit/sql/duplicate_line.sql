-- Lines of one case that are the same in item, second, quantity, amount and department. The first
-- stands; the others are at fault.
WITH numbered AS (
    SELECT
        *, row_number() OVER (
            PARTITION BY case_no, item, second, quantity, amount, department ORDER BY line
        ) AS number,
        min(line) OVER (
            PARTITION BY case_no, item, second, quantity, amount, department
        ) AS first
    FROM repeated
    WHERE second IS NOT NULL AND item >= 0
)
SELECT
    n.case_no, r.rule, NULL::VARCHAR AS row, r.level,
    list_sort(list(n.line)) AS lines,
    [n.item] AS items,
    any_value(n.day) AS day,
    (10000 * max(n.number))::BIGINT AS observed,
    10000::BIGINT AS allowed,
    'lines' AS unit,
    sum(n.amount)::BIGINT AS amount,
    [{'key': 'first', 'value': n.first::VARCHAR}] AS evidence
FROM numbered n, (SELECT * FROM rules WHERE sql = 'duplicate_line') r
WHERE n.number > 1
GROUP BY n.case_no, r.rule, r.level, n.item, n.second, n.first
