-- An item that another insurance pays for, brought to this one (scope A or B).
SELECT
    h.case_no, p.rule, p.row, p.level, h.item, p.since, p.until, true AS reimbursed,
    NULL::BIGINT AS second, NULL::BIGINT AS observed, NULL::BIGINT AS allowed, NULL::VARCHAR AS unit,
    [
        {'key': 'insurance', 'value': c.insurance_type},
        {'key': 'wanted_insurance', 'value': array_to_string(list_sort(p.allowed), ' ')}
    ] AS evidence
FROM held h
JOIN p_insurance p ON p.item = h.item
JOIN cases c ON c.case_no = h.case_no
WHERE c.insurance_type IS NOT NULL AND NOT list_contains(p.allowed, c.insurance_type)
