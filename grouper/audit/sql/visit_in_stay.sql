-- A visit of a person on a day between the admission and the discharge of a stay; visits of those two
-- days themselves are ordinary.
SELECT
    v.case_no, r.rule, NULL::VARCHAR AS row, r.level, []::INTEGER[] AS lines, []::INTEGER[] AS items,
    v.first_day AS day, NULL::BIGINT AS observed, NULL::BIGINT AS allowed, NULL::VARCHAR AS unit,
    coalesce(v.total, 0) AS amount,
    [
        {'key': 'other', 'value': min(s.case_id)},
        {'key': 'admitted', 'value': day_words(min_by(s.first_day, s.case_id))},
        {'key': 'discharged', 'value': coalesce(day_words(min_by(s.last_day, s.case_id)), '')}
    ] AS evidence
FROM cases v
JOIN cases s ON s.person = v.person AND s.inpatient
    AND v.first_day > s.first_day AND v.first_day < s.last_day,
    (SELECT * FROM rules WHERE sql = 'visit_in_stay') r
WHERE v.outpatient
GROUP BY v.case_no, v.first_day, v.total, r.rule, r.level
