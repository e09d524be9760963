-- A row of the hospital's own rules about what the lines of a case come to, which may be nothing: no
-- line need fit.
WITH g AS (
    SELECT
        l.case_no,
        list_sort(list(l.line)) AS lines,
        coalesce(list_sort(list(DISTINCT l.item) FILTER (l.item >= 0)), []) AS items,
        min(l.day) AS first_day,
        sum(l.quantity) AS sum_quantity,
        sum(l.amount) AS amount,
        count(*) AS count_lines,
        count(DISTINCT l.day) AS count_days,
        count(DISTINCT l.item) FILTER (l.item >= 0) AS count_items
    FROM lines l
    JOIN cases c ON c.case_no = l.case_no AND c.judged
    JOIN own_cases o ON o.case_no = l.case_no
    WHERE (l.day IS NULL OR (l.day >= $since AND l.day < $until)) AND {lines}
    GROUP BY l.case_no
)
SELECT
    c.case_no, $rule AS rule, $row AS row, $level AS level,
    {kept} AS lines, {kept_items} AS items,
    CASE WHEN len({kept}) > 0 THEN g.first_day ELSE c.first_day END AS day,
    {observed} AS observed, {allowed} AS allowed, {unit} AS unit,
    {kept_amount} AS amount, {evidence} AS evidence
FROM own_present b
JOIN cases c ON c.case_no = b.case_no AND c.judged
JOIN own_cases o ON o.case_no = c.case_no
LEFT JOIN g ON g.case_no = c.case_no
WHERE (
        g.case_no IS NOT NULL OR coalesce(c.last_day, c.first_day) IS NULL
        OR (coalesce(c.last_day, c.first_day) >= $since AND coalesce(c.last_day, c.first_day) < $until)
    )
    AND {groups} AND {cases}
