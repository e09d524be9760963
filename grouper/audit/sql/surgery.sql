-- Operations of one group on one day: the dearest stands at its full price, every other has to be
-- discounted to its share. Full prices are those of the price list on the day; of an operation that it
-- does not name, the greatest price that is charged for it in the cases at hand. Asked once over all.
WITH seen AS (
    SELECT item, max((amount::HUGEINT * 10000 // quantity)::BIGINT) AS price
    FROM operations
    WHERE quantity > 0
    GROUP BY item
),
held AS (
    SELECT
        l.case_no, l.day, l.item, l.line, l.quantity, l.amount, p.rule, p.row, p.level, p."group",
        p.share, coalesce(q.price, s.price) AS price, q.price IS NOT NULL AS listed
    FROM operations l
    JOIN p_surgery p ON p.item = l.item AND l.day >= p.since AND l.day < p.until
    JOIN seen s ON s.item = l.item
    LEFT JOIN prices q ON q.item = l.item AND l.day >= q.since AND l.day < q.until
    WHERE l.quantity > 0
),
ranked AS (
    SELECT
        *,
        -- Hundredths of a fen of the whole price, for quantities have four places.
        row_number() OVER (
            PARTITION BY case_no, day, rule, "group" ORDER BY price DESC, amount DESC, line
        ) AS number,
        price::HUGEINT * quantity * share AS most
    FROM held
),
beyond AS (
    SELECT *, (most + 50000000) // 100000000 AS limit_fen
    FROM ranked
    WHERE number > 1 AND amount > (most + 50000000) // 100000000
)
SELECT
    b.case_no, b.rule, min(b.row) AS row, b.level,
    list_sort(list(b.line)) AS lines,
    list_sort(list(DISTINCT b.item)) AS items,
    b.day,
    (100 * sum(b.amount))::BIGINT AS observed,
    (100 * sum(b.limit_fen))::BIGINT AS allowed,
    'yuan' AS unit,
    (sum(b.amount) - sum(b.limit_fen))::BIGINT AS amount,
    [
        {'key': 'group', 'value': b."group"},
        {'key': 'first', 'value': min(r.line)::VARCHAR},
        {
            'key': 'price_of',
            'value': CASE WHEN bool_and(b.listed) THEN 'list' ELSE 'lines' END
        },
        {'key': 'share', 'value': (min(b.share) / 10000)::DECIMAL(9, 4)::VARCHAR}
    ] AS evidence
FROM beyond b
JOIN ranked r ON r.case_no = b.case_no AND r.day = b.day AND r.rule = b.rule
    AND r."group" = b."group" AND r.number = 1
GROUP BY b.case_no, b.rule, b.level, b.day, b."group"
-- Two groups that name the same lines say the same thing: the first row tells it.
QUALIFY row_number() OVER (PARTITION BY b.case_no, b.rule, b.level, b.day, lines ORDER BY min(b.row)) = 1
