-- Lines that cannot be judged as they are, by what is wrong with them; refunds that found no charge.
SELECT
    o.case_no, r.rule, NULL::VARCHAR AS row, r.level,
    list_sort(list(o.line)) AS lines,
    coalesce(list_sort(list(DISTINCT o.item) FILTER (o.item >= 0)), []) AS items,
    min(o.day) AS day,
    NULL::BIGINT AS observed,
    NULL::BIGINT AS allowed,
    NULL::VARCHAR AS unit,
    sum(abs(o.amount))::BIGINT AS amount,
    [{'key': 'wrong', 'value': o.wrong}] AS evidence
FROM odd_lines o, (SELECT * FROM rules WHERE sql = 'line_information') r
GROUP BY o.case_no, r.rule, r.level, o.wrong
