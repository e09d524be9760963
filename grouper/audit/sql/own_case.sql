-- A row of the hospital's own rules about the case alone; it holds on the last day, else the first.
SELECT
    c.case_no, $rule AS rule, $row AS row, $level AS level,
    []::INTEGER[] AS lines, []::INTEGER[] AS items, c.first_day AS day,
    {observed} AS observed, {allowed} AS allowed, {unit} AS unit,
    0::BIGINT AS amount, {evidence} AS evidence
FROM {present} b
JOIN cases c ON c.case_no = b.case_no AND c.judged
JOIN own_cases o ON o.case_no = c.case_no
WHERE (
        coalesce(c.last_day, c.first_day) IS NULL
        OR (coalesce(c.last_day, c.first_day) >= $since AND coalesce(c.last_day, c.first_day) < $until)
    )
    AND {cases}
