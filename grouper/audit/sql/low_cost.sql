-- Stays of few days without a procedure that cost less than a share of their group's mean. Means are
-- those handed in, never of the cases at hand. Not of stays that ended early by transfer, death or
-- against advice.
SELECT
    c.case_no, r.rule, f.row, r.level, []::INTEGER[] AS lines, []::INTEGER[] AS items,
    c.first_day AS day,
    (100 * c.total)::BIGINT AS observed,
    (g.mean * f.value // 100)::BIGINT AS allowed,
    'least_yuan' AS unit,
    c.total AS amount,
    [
        {'key': 'days', 'value': (c.last_day - c.first_day)::VARCHAR},
        {'key': 'group', 'value': g.group},
        {'key': 'mean', 'value': (g.mean / 100)::DECIMAL(18, 2)::VARCHAR},
        {'key': 'mean_of', 'value': coalesce(g.mean_of, '')},
        {'key': 'mean_of', 'value': coalesce(g.mean_of, '')},
        {'key': 'count', 'value': g.count::VARCHAR}
    ] AS evidence
FROM cases c
JOIN group_costs g ON g.case_id = c.case_id
JOIN rules r ON r.sql = 'low_cost'
JOIN behaviour d ON d.rule = r.rule AND d.parameter = 'most_days'
JOIN behaviour f ON f.rule = r.rule AND f.parameter = 'least_fold'
WHERE c.inpatient AND NOT c.cut_short AND c.procedures = 0
    AND 10000 * (c.last_day - c.first_day) <= d.value
    AND 100 * c.total < g.mean * f.value // 100
