-- An item for the other sex.
SELECT
    h.case_no, p.rule, p.row, p.level, h.item, p.since, p.until, false AS reimbursed,
    NULL::BIGINT AS second, NULL::BIGINT AS observed, NULL::BIGINT AS allowed, NULL::VARCHAR AS unit,
    [
        {'key': 'sex', 'value': c.sex::VARCHAR},
        {'key': 'wanted_sex', 'value': p.sex}
    ] AS evidence
FROM held h
JOIN p_sex p ON p.item = h.item
JOIN cases c ON c.case_no = h.case_no
WHERE c.sex IN (1, 2) AND c.sex::VARCHAR <> p.sex
