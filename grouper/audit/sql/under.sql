-- Stays that cost less than a share of their group's mean and are shorter than its first decile. Items
-- that a pathway asks for are not public, so it is a suspicion. Means and deciles are those handed in.
-- Not of stays that ended early by transfer, death or against advice.
SELECT
    c.case_no, r.rule, f.row, r.level, []::INTEGER[] AS lines, []::INTEGER[] AS items,
    c.first_day AS day,
    (100 * c.total)::BIGINT AS observed,
    (g.mean * f.value // 100)::BIGINT AS allowed,
    'least_yuan' AS unit,
    0::BIGINT AS amount,
    [
        {'key': 'days', 'value': (c.last_day - c.first_day)::VARCHAR},
        {'key': 'days_p10', 'value': g.days_p10::VARCHAR},
        {'key': 'group', 'value': g.group},
        {'key': 'mean', 'value': (g.mean / 100)::DECIMAL(18, 2)::VARCHAR},
        {'key': 'mean_of', 'value': coalesce(g.mean_of, '')},
        {'key': 'mean_of', 'value': coalesce(g.mean_of, '')},
        {'key': 'count', 'value': g.count::VARCHAR}
    ] AS evidence
FROM cases c
JOIN group_costs g ON g.case_id = c.case_id
JOIN rules r ON r.sql = 'under'
JOIN behaviour f ON f.rule = r.rule AND f.parameter = 'least_fold'
WHERE c.inpatient AND NOT c.cut_short
    AND c.last_day - c.first_day < g.days_p10
    AND 100 * c.total < g.mean * f.value // 100
