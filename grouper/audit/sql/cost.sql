-- Stays far dearer than their group: above the mean by so many standard deviations and so many times
-- the mean. Means are those of the reference handed in, never of the cases at hand. Where the deviation is
-- not known nothing is said.
SELECT
    c.case_no, r.rule, f.row, r.level, []::INTEGER[] AS lines, []::INTEGER[] AS items,
    c.first_day AS day,
    (100 * c.total)::BIGINT AS observed,
    (100 * greatest(g.mean + g.deviation * s.value // 10000, g.mean * f.value // 10000))::BIGINT AS allowed,
    'yuan' AS unit,
    (c.total - greatest(g.mean + g.deviation * s.value // 10000, g.mean * f.value // 10000))::BIGINT AS amount,
    [
        {'key': 'group', 'value': g.group},
        {'key': 'mean', 'value': (g.mean / 100)::DECIMAL(18, 2)::VARCHAR},
        {'key': 'mean_of', 'value': coalesce(g.mean_of, '')}
    ] AS evidence
FROM cases c
JOIN group_costs g ON g.case_id = c.case_id
JOIN rules r ON r.sql = 'cost'
JOIN behaviour s ON s.rule = r.rule AND s.parameter = 'deviations'
JOIN behaviour f ON f.rule = r.rule AND f.parameter = 'times_mean'
WHERE g.deviation IS NOT NULL AND c.total > greatest(g.mean + g.deviation * s.value // 10000, g.mean * f.value // 10000)
