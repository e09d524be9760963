-- An item for other diagnoses. Where one of the item's rows is met, nothing is said; where all are
-- missed the rows' level holds; where one of them is in words only, a person has to read it (verify).
WITH judged AS (
    SELECT
        h.case_no, h.item, p.rule, p.row, p.level, p.since, p.until, p.text,
        len(p.allowed) = 0 AS words_only,
        EXISTS (
            SELECT 1 FROM p_indication_codes k
            JOIN dx d ON d.case_no = h.case_no AND starts_with(d.code, k.prefix)
            WHERE k.row = p.row
        ) AS met
    FROM held h
    JOIN p_indication p ON p.item = h.item
    JOIN cases c ON c.case_no = h.case_no AND c.diagnoses > 0
    WHERE h.day IS NULL OR (h.day < p.until AND h.last_day >= p.since)
),
missed AS (
    SELECT case_no, rule, item, min(row) AS row, bool_or(words_only) AS words
    FROM judged
    GROUP BY case_no, rule, item
    HAVING NOT bool_or(met)
)
SELECT
    j.case_no, j.rule, j.row,
    CASE WHEN m.words THEN 'verify' ELSE j.level END AS level,
    j.item, j.since, j.until, true AS reimbursed, NULL::BIGINT AS second,
    NULL::BIGINT AS observed, NULL::BIGINT AS allowed, NULL::VARCHAR AS unit,
    [
        {'key': 'principal', 'value': c.principal},
        {'key': 'text', 'value': j.text}
    ] AS evidence
FROM missed m
JOIN judged j ON j.case_no = m.case_no AND j.rule = m.rule AND j.item = m.item AND j.row = m.row
JOIN cases c ON c.case_no = j.case_no
