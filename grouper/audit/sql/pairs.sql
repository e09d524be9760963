-- Two items that must not be charged beside each other. By day and by case (visit) the items meet as
-- sets; by hours each line at fault needs one of the other item near it.
-- A finding: the lines of one item at fault of one case and day (of one case, where the window is the
-- visit), whatever number of other items stand beside it.
WITH held AS (
    SELECT case_no, day, item
    FROM daily
    WHERE item IN (SELECT fault FROM p_pairs UNION ALL SELECT beside FROM p_pairs)
),
visits AS (SELECT case_no, item, min(day) AS day FROM held GROUP BY ALL),
near AS (
    SELECT a.case_no, a.day, a.line, p.rule, p.level, p."window", p.fault, p.beside, p.row
    FROM known a
    JOIN p_pairs p ON p.fault = a.item AND p.seconds > 0
    JOIN known b ON b.case_no = a.case_no AND b.item = p.beside
        AND abs(b.second - a.second) < p.seconds
    WHERE a.day >= p.since AND a.day < p.until
    GROUP BY ALL
),
met AS (
    SELECT a.case_no, a.day, NULL::INTEGER AS line, p.rule, p.level, p."window", p.fault, p.beside, p.row
    FROM held a
    JOIN p_pairs p ON p.fault = a.item AND p."window" = 'day'
    JOIN held b ON b.case_no = a.case_no AND b.day = a.day AND b.item = p.beside
    WHERE a.day >= p.since AND a.day < p.until
    UNION ALL
    SELECT a.case_no, NULL, NULL, p.rule, p.level, p."window", p.fault, p.beside, p.row
    FROM visits a
    JOIN p_pairs p ON p.fault = a.item AND p."window" = 'visit'
    JOIN visits b ON b.case_no = a.case_no AND b.item = p.beside
    WHERE a.day IS NULL OR (a.day >= p.since AND a.day < p.until)
    UNION ALL
    SELECT * FROM near
),
hits AS (
    SELECT
        case_no, day, line, rule, level, "window", fault,
        min(row) AS row, list(DISTINCT w.word) AS besides
    FROM met JOIN item_words w ON w.item = met.beside
    GROUP BY case_no, day, line, rule, level, "window", fault
),
joined AS (
    SELECT h.*, l.line AS own, l.day AS on_day, l.amount
    FROM hits h
    JOIN known l ON l.case_no = h.case_no AND l.item = h.fault
        AND (h.day IS NULL OR l.day = h.day)
        AND (h.line IS NULL OR l.line = h.line)
)
SELECT
    case_no, rule, min(row) AS row, level,
    list_sort(list(DISTINCT own)) AS lines,
    [fault] AS items,
    min(on_day) AS day,
    NULL::BIGINT AS observed,
    NULL::BIGINT AS allowed,
    NULL::VARCHAR AS unit,
    sum(amount)::BIGINT AS amount,
    [
        {'key': 'window', 'value': "window"},
        {
            'key': 'beside',
            'value': array_to_string(list_sort(list_distinct(flatten(list(besides)))), ' ')
        }
    ] AS evidence
FROM joined
GROUP BY case_no, rule, level, "window", fault, day
