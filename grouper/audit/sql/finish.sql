-- What was found, with the case's words and an id. Departments and physicians are those of the first
-- line, as numbers; the case's own words stand beside them.
SELECT
    substr(sha256(concat_ws(
        '|', f.rule, coalesce(f.row, ''), coalesce(c.case_id, ''),
        array_to_string(f.lines, ' '), CASE WHEN len(f.lines) = 0 THEN coalesce(f.day, 0) END,
        -- One row may say two things of the same lines.
        coalesce(f.unit, ''),
        (SELECT string_agg(e.value, ' ') FROM (SELECT unnest(f.evidence) AS e) WHERE e.key = 'wrong')
    )), 1, 24) AS finding,
    f.rule, f.row, f.level, c.case_id, c.person,
    l.department AS line_department, l.physician AS line_physician, c.department, c.physician,
    f.lines, f.items, f.day, f.observed, f.allowed, f.unit, f.amount, f.evidence
FROM found f
JOIN cases c ON c.case_no = f.case_no AND c.judged
LEFT JOIN (
    -- Of all lines the few that are asked for, before the join has to hold them.
    SELECT case_no, line, department, physician
    FROM every
    SEMI JOIN (SELECT case_no, lines[1] AS line FROM found) first USING (case_no, line)
) l ON l.case_no = f.case_no AND l.line = f.lines[1]
