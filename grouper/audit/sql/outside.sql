-- Lines of days before the admission or after the discharge. Visits have no stay to lie outside of.
SELECT
    l.case_no, r.rule, NULL::VARCHAR AS row, r.level,
    list_sort(list(l.line)) AS lines,
    list_sort(list(DISTINCT l.item) FILTER (l.item >= 0)) AS items,
    min(l.day) AS day,
    NULL::BIGINT AS observed,
    NULL::BIGINT AS allowed,
    NULL::VARCHAR AS unit,
    sum(l.amount)::BIGINT AS amount,
    [
        {'key': 'admitted', 'value': day_words(any_value(c.first_day))},
        {'key': 'discharged', 'value': coalesce(day_words(any_value(c.last_day)), '')}
    ] AS evidence
FROM lines l
JOIN cases c ON c.case_no = l.case_no
    AND c.stay AND (l.day < c.first_day OR l.day > c.last_day),
    (SELECT * FROM rules WHERE sql = 'outside') r
GROUP BY l.case_no, r.rule, r.level
