-- Days in a row of a stay on which nothing is charged but bed, nursing and consultation; the days of
-- admission and discharge do not count.
WITH quiet AS (
    SELECT case_no, day
    FROM lines
    WHERE day IS NOT NULL
    GROUP BY case_no, day
    HAVING bool_and(((SELECT bit_or(1 << kind) FROM classes WHERE name = 'idle') >> kind) % 2 = 1)
),
idle AS (
    SELECT q.case_no, q.day, r.rule, r.level
    FROM quiet q
    JOIN cases c ON c.case_no = q.case_no AND c.inpatient
        AND q.day > c.first_day AND q.day < coalesce(c.last_day, q.day + 1),
        (SELECT * FROM rules WHERE sql = 'hanging') r
),
runs AS (
    SELECT
        *, day - row_number() OVER (PARTITION BY case_no, rule ORDER BY day) AS run
    FROM idle
),
spans AS (
    SELECT case_no, rule, level, run, min(day) AS first, max(day) AS last, count(*) AS days
    FROM runs
    GROUP BY case_no, rule, level, run
),
long AS (
    SELECT s.*, b.value
    FROM spans s JOIN behaviour b ON b.rule = s.rule AND b.parameter = 'idle_days'
    WHERE s.days * 10000 >= b.value
)
SELECT
    s.case_no, s.rule, any_value(b.row) AS row, s.level,
    list_sort(list(l.line)) AS lines,
    list_sort(list(DISTINCT l.item) FILTER (l.item >= 0)) AS items,
    min(s.first) AS day,
    (10000 * max(s.days))::BIGINT AS observed,
    any_value(s.value) AS allowed,
    'idle_days' AS unit,
    sum(l.amount)::BIGINT AS amount,
    [
        {'key': 'from', 'value': day_words(min(s.first))},
        {'key': 'to', 'value': day_words(max(s.last))}
    ] AS evidence
FROM long s
JOIN behaviour b ON b.rule = s.rule AND b.parameter = 'idle_days'
JOIN lines l ON l.case_no = s.case_no AND l.day BETWEEN s.first AND s.last
GROUP BY s.case_no, s.rule, s.level
