-- How often an item is charged within so many days. At fault are the lines with which the number
-- within the last days goes above what is allowed.
WITH many AS (
    SELECT case_no, item
    FROM daily JOIN p_cycle p USING (item)
    WHERE day IS NOT NULL
    GROUP BY case_no, item, p.times
    HAVING sum(quantity) > p.times
),
rolling AS (
    SELECT
        l.case_no, l.line, l.item, l.day, l.quantity, l.amount,
        p.rule, p.row, p.level, p.times, p.days,
        sum(l.quantity) OVER span
            - (sum(l.quantity) OVER same - sum(l.quantity) OVER until_now) AS total,
        lag(l.day) OVER (
            PARTITION BY p.row, l.case_no, l.item
            ORDER BY l.second, l.quantity, l.amount, l.line
        ) AS before
    FROM known l
    SEMI JOIN many ON many.case_no = l.case_no AND many.item = l.item
    JOIN p_cycle p ON p.item = l.item
    WHERE l.day >= p.since AND l.day < p.until
    WINDOW
        span AS (
            PARTITION BY p.row, l.case_no, l.item ORDER BY l.day
            RANGE BETWEEN p.days - 1 PRECEDING AND CURRENT ROW
        ),
        same AS (PARTITION BY p.row, l.case_no, l.item, l.day),
        until_now AS (
            PARTITION BY p.row, l.case_no, l.item, l.day
            ORDER BY l.second, l.quantity, l.amount, l.line ROWS UNBOUNDED PRECEDING
        )
)
SELECT
    case_no, rule, row, level,
    list_sort(list(line)) AS lines,
    [item] AS items,
    min(day) AS day,
    max(total)::BIGINT AS observed,
    any_value(times) AS allowed,
    'times' AS unit,
    sum(part(amount, least(quantity, total - times), quantity))::BIGINT AS amount,
    [
        {'key': 'days', 'value': any_value(days)::VARCHAR},
        {'key': 'gap', 'value': min(day - before)::VARCHAR}
    ] AS evidence
FROM rolling
WHERE total > times AND quantity > 0
GROUP BY case_no, rule, row, level, item
