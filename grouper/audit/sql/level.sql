-- An item that is paid in hospitals of a higher level alone, brought to the insurance.
SELECT
    h.case_no, p.rule, p.row, p.level, h.item, p.since, p.until, true AS reimbursed,
    NULL::BIGINT AS second, NULL::BIGINT AS observed, NULL::BIGINT AS allowed, NULL::VARCHAR AS unit,
    [
        {'key': 'hospital_level', 'value': c.hospital_level},
        {'key': 'wanted_level', 'value': p.least_level}
    ] AS evidence
FROM held h
JOIN p_level p ON p.item = h.item
JOIN cases c ON c.case_no = h.case_no
WHERE length(c.hospital_level) < length(p.least_level)
