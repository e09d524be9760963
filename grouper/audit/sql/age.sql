-- An item for another age. Ages are those at the beginning of the stay; limits in years are read of
-- whole years, those in days of days.
WITH judged AS (
    SELECT
        h.case_no, h.item, p.rule, p.row, p.level, p.since, p.until,
        CASE
            WHEN c.age < p.least_years THEN ['years', 'least', c.age::VARCHAR, p.least_years::VARCHAR]
            WHEN c.age > p.most_years THEN ['years', 'most', c.age::VARCHAR, p.most_years::VARCHAR]
            WHEN c.age_days < p.least_days
                THEN ['days', 'least', c.age_days::VARCHAR, p.least_days::VARCHAR]
            WHEN c.age_days > p.most_days
                THEN ['days', 'most', c.age_days::VARCHAR, p.most_days::VARCHAR]
        END AS broken
    FROM held h
    JOIN p_age p ON p.item = h.item
    JOIN cases c ON c.case_no = h.case_no
)
SELECT
    case_no, rule, row, level, item, since, until, false AS reimbursed, NULL::BIGINT AS second,
    10000 * broken[3]::BIGINT AS observed,
    10000 * broken[4]::BIGINT AS allowed,
    'age_' || broken[1] AS unit,
    [{'key': 'bound', 'value': broken[2]}] AS evidence
FROM judged
WHERE broken IS NOT NULL
