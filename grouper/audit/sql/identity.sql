-- What does not change in a person, told differently in two cases: sex, or the day of birth. Told of each
-- case that contradicts the first one that states it; what it states is not repeated here.
WITH told AS (
    SELECT
        case_no, first_day, total, sex::INTEGER AS value, 'sex_differs' AS wrong,
        first_value(sex::INTEGER) OVER before AS known, first_value(case_id) OVER before AS other
    FROM cases
    WHERE person IS NOT NULL AND sex IN (1, 2)
    WINDOW before AS (PARTITION BY person ORDER BY first_second NULLS LAST, case_id)
    UNION ALL
    SELECT
        case_no, first_day, total, birth_day, 'birth_differs',
        first_value(birth_day) OVER before, first_value(case_id) OVER before
    FROM cases
    WHERE person IS NOT NULL AND birth_day IS NOT NULL
    WINDOW before AS (PARTITION BY person ORDER BY first_second NULLS LAST, case_id)
)
SELECT
    t.case_no, r.rule, NULL::VARCHAR AS row, r.level, []::INTEGER[] AS lines, []::INTEGER[] AS items,
    t.first_day AS day, NULL::BIGINT AS observed, NULL::BIGINT AS allowed, NULL::VARCHAR AS unit,
    coalesce(t.total, 0) AS amount,
    [{'key': 'wrong', 'value': t.wrong}, {'key': 'other', 'value': t.other}] AS evidence
FROM told t, (SELECT * FROM rules WHERE sql = 'identity') r
WHERE t.value <> t.known
