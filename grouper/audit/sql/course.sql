-- On how many days of a case an item is charged, and how far apart they are. At fault are the lines of
-- the days beyond the allowed number, and those of days too soon after the one before.
WITH days AS (
    SELECT
        l.case_no, l.item, l.day, p.rule, p.row, p.level, p.most_days, p.least_gap,
        row_number() OVER each AS number,
        l.day - lag(l.day) OVER each AS gap
    FROM daily l
    JOIN p_course p ON p.item = l.item AND l.day >= p.since AND l.day < p.until
    WINDOW each AS (PARTITION BY p.row, l.case_no, l.item ORDER BY l.day)
),
beyond AS (
    SELECT
        *, 'course_days' AS unit, number AS seen, most_days AS allowed
    FROM days WHERE number > most_days
    UNION ALL
    SELECT
        *, 'gap_days', gap, least_gap
    FROM days WHERE gap < least_gap
)
SELECT
    b.case_no, b.rule, b.row, b.level,
    list_sort(list(l.line)) AS lines,
    [b.item] AS items,
    min(b.day) AS day,
    (10000 * CASE WHEN unit = 'gap_days' THEN min(seen) ELSE max(seen) END)::BIGINT AS observed,
    (10000 * any_value(allowed))::BIGINT AS allowed,
    unit,
    sum(l.amount)::BIGINT AS amount,
    [] AS evidence
FROM beyond b
JOIN known l ON l.case_no = b.case_no AND l.item = b.item AND l.day = b.day
GROUP BY b.case_no, b.rule, b.row, b.level, b.item, unit
