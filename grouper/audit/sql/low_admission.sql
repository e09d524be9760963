-- Short stays without a procedure in which nothing is charged but bed, consultation, nursing, tests
-- and examinations.
WITH short AS (
    SELECT c.case_no, c.first_day, c.last_day - c.first_day AS days, b.rule, b.row, b.value, r.level
    FROM cases c, behaviour b JOIN rules r ON r.sql = 'low_admission' AND r.rule = b.rule
    WHERE c.inpatient AND c.procedures = 0 AND b.parameter = 'short_stay_days'
        AND 10000 * (c.last_day - c.first_day) <= b.value
)
SELECT
    s.case_no, s.rule, any_value(s.row) AS row, s.level,
    list_sort(list(l.line)) AS lines,
    []::INTEGER[] AS items,
    any_value(s.first_day) AS day,
    (10000 * any_value(s.days))::BIGINT AS observed,
    any_value(s.value) AS allowed,
    'stay_days' AS unit,
    sum(l.amount)::BIGINT AS amount,
    [{'key': 'lines', 'value': count(*)::VARCHAR}] AS evidence
FROM short s
JOIN lines l ON l.case_no = s.case_no
GROUP BY s.case_no, s.rule, s.level
HAVING bool_and(l.kind IN (SELECT kind FROM classes WHERE name = 'tests_only'))
