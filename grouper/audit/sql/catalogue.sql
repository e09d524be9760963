-- Lines whose item the catalogues do not bear out on their day: not listed, not in force, grey, without
-- mapping; another class than the catalogue's; dearer than the hospital's own list says. Only a grey code
-- is told of lines that the patient pays alone (C). Of a line without a class it cannot be seen who
-- pays, and a class to the patient's disadvantage may be a rule of the city: both are to verify.
WITH judged AS (
    SELECT
        l.case_no, l.line, l.item, l.day, l.amount, g.why AS wrong, g.since,
        CASE WHEN l.scope = 0 OR g.why = 'no_form' THEN 'verify' END AS own,
        NULL::TINYINT AS scope, NULL::TINYINT AS listed, NULL::BIGINT AS price, NULL::BIGINT AS most
    FROM lines l
    JOIN catalogue_gaps g ON g.item = l.item AND l.day >= g.since AND l.day < g.until
    WHERE g.why = 'grey' OR l.scope = 0 OR l.scope IN (SELECT scope FROM reimbursed)
    UNION ALL
    SELECT
        l.case_no, l.line, l.item, l.day, l.amount, 'scope', NULL,
        CASE WHEN l.scope > s.scope THEN 'verify' END,
        l.scope, s.scope, NULL, NULL
    FROM lines l
    JOIN catalogue_scopes s ON s.item = l.item AND l.day >= s.since AND l.day < s.until
    WHERE l.scope > 0 AND l.scope <> s.scope
    UNION ALL
    SELECT
        l.case_no, l.line, l.item, l.day, l.amount, 'own_price', NULL, NULL,
        NULL, NULL, p.price, part(p.price, l.quantity, 1000000)
    FROM lines l
    JOIN catalogue_prices p ON p.item = l.item AND l.day >= p.since AND l.day < p.until
    WHERE l.quantity > 0 AND l.amount > part(p.price, l.quantity, 1000000)
)
SELECT
    j.case_no, r.rule, NULL::VARCHAR AS row, coalesce(j.own, r.level) AS level,
    list_sort(list(j.line)) AS lines,
    [j.item] AS items,
    min(j.day) AS day,
    CASE WHEN j.price IS NOT NULL THEN (100 * sum(j.amount))::BIGINT END AS observed,
    CASE WHEN j.price IS NOT NULL THEN (100 * sum(j.most))::BIGINT END AS allowed,
    CASE WHEN j.price IS NOT NULL THEN 'yuan' END AS unit,
    (sum(j.amount) - coalesce(sum(j.most), 0))::BIGINT AS amount,
    [
        {'key': 'wrong', 'value': j.wrong},
        {'key': 'from', 'value': coalesce(day_words(j.since), '')},
        {'key': 'line_scope', 'value': coalesce(o.word, '')},
        {'key': 'listed_scope', 'value': coalesce(t.word, '')},
        {
            'key': 'own_price',
            'value': coalesce((j.price / 10000)::DECIMAL(18, 4)::VARCHAR, '')
        }
    ] AS evidence
FROM judged j
LEFT JOIN scope_words o ON o.scope = j.scope
LEFT JOIN scope_words t ON t.scope = j.listed
CROSS JOIN (SELECT * FROM rules WHERE sql = 'catalogue') r
GROUP BY
    j.case_no, r.rule, r.level, j.own, j.item, j.wrong, j.since, o.word, t.word, j.price
