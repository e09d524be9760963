-- An item that is paid in another kind of visit alone, brought to the insurance.
SELECT
    h.case_no, p.rule, p.row, p.level, h.item, p.since, p.until, true AS reimbursed,
    NULL::BIGINT AS second, NULL::BIGINT AS observed, NULL::BIGINT AS allowed, NULL::VARCHAR AS unit,
    [
        {'key': 'visit', 'value': c.place},
        {'key': 'wanted_visit', 'value': array_to_string(list_sort(p.allowed), ' ')}
    ] AS evidence
FROM held h
JOIN p_visit p ON p.item = h.item
JOIN cases c ON c.case_no = h.case_no
WHERE c.place IS NOT NULL AND NOT list_contains(p.allowed, c.place)
