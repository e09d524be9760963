-- Two stays of one person at the same time: one of them may be another's. Told once, of the later one.
SELECT
    n.case_no, r.rule, NULL::VARCHAR AS row, r.level, []::INTEGER[] AS lines, []::INTEGER[] AS items,
    n.first_day AS day, NULL::BIGINT AS observed, NULL::BIGINT AS allowed, NULL::VARCHAR AS unit,
    coalesce(n.total, 0) AS amount,
    [
        {'key': 'other', 'value': min(o.case_id)},
        {'key': 'admitted', 'value': day_words(min_by(o.first_day, o.case_id))},
        {'key': 'discharged', 'value': coalesce(day_words(min_by(o.last_day, o.case_id)), '')}
    ] AS evidence
FROM cases n
JOIN cases o ON o.person = n.person AND o.stay AND n.stay
    AND (o.first_second, o.case_id) < (n.first_second, n.case_id)
    AND n.first_second < o.last_second,
    (SELECT * FROM rules WHERE sql = 'overlap') r
GROUP BY n.case_no, n.first_day, n.total, r.rule, r.level
