-- A row of the hospital's own rules about lines: those that fit, put together by its keys.
WITH g AS (
    SELECT
        l.case_no{keys},
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
    WHERE (l.day IS NULL OR (l.day >= $since AND l.day < $until)) AND {lines} AND {cases}
    GROUP BY l.case_no{keys}
)
SELECT
    g.case_no, $rule AS rule, $row AS row, $level AS level, g.lines, g.items, g.first_day AS day,
    {observed} AS observed, {allowed} AS allowed, {unit} AS unit,
    g.amount::BIGINT AS amount, {evidence} AS evidence
FROM g
JOIN cases c ON c.case_no = g.case_no
JOIN own_cases o ON o.case_no = g.case_no
WHERE {groups}
