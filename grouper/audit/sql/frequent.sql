-- More visits or stays of a person within so many days than a threshold. Told once a person and rule,
-- of the case with which the greatest number is reached.
WITH counted AS (
    SELECT
        c.case_no, c.person, c.first_day, r.rule, r.level, m.row, m.value AS most, d.value AS days,
        count(*) OVER (
            PARTITION BY c.person, r.rule ORDER BY c.first_day
            RANGE BETWEEN d.value // 10000 - 1 PRECEDING AND CURRENT ROW
        ) AS seen,
        c.case_id
    FROM cases c
    JOIN rules r ON (r.sql = 'frequent_visits' AND c.outpatient AND NOT c.exempt)
        OR (r.sql = 'frequent_stays' AND c.inpatient AND NOT c.exempt)
    JOIN behaviour m ON m.rule = r.rule AND m.parameter = 'most'
    JOIN behaviour d ON d.rule = r.rule AND d.parameter = 'within_days'
    WHERE c.person IS NOT NULL AND c.first_day IS NOT NULL
)
SELECT
    case_no, rule, row, level, []::INTEGER[] AS lines, []::INTEGER[] AS items, first_day AS day,
    (10000 * seen)::BIGINT AS observed, most AS allowed, 'times' AS unit, 0::BIGINT AS amount,
    [{'key': 'days', 'value': (days // 10000)::VARCHAR}] AS evidence
FROM counted
WHERE seen * 10000 > most
QUALIFY row_number() OVER (PARTITION BY person, rule ORDER BY seen DESC, first_day, case_id) = 1
