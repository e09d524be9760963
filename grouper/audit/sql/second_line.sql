-- A drug of the second line: that another one failed or cannot be given is for the record to show.
SELECT
    h.case_no, p.rule, p.row, p.level, h.item, p.since, p.until, true AS reimbursed,
    NULL::BIGINT AS second, NULL::BIGINT AS observed, NULL::BIGINT AS allowed, NULL::VARCHAR AS unit,
    [{'key': 'text', 'value': p.text}] AS evidence
FROM held h
JOIN p_second_line p ON p.item = h.item
