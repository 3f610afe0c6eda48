-- Reserve, one by one or many in a statement. Answers one digit for each: 1 accepted, 2 repeated,
-- 3 insufficient stock, 6 id reused. Due holds are given back by a sweep, which the index serves.
CREATE TABLE stock (
    sku int PRIMARY KEY,
    on_hand bigint NOT NULL,
    reserved bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

CREATE TABLE reservation (
    id_high bigint,
    id_low bigint,
    sku int NOT NULL,
    quantity bigint NOT NULL,
    hold_ms bigint NOT NULL,
    expires timestamptz NOT NULL,
    is_held boolean NOT NULL DEFAULT true,
    PRIMARY KEY (id_high, id_low)
);

CREATE INDEX ON reservation (expires) WHERE is_held;

CREATE FUNCTION reserve(high bigint, low bigint, level int, units bigint, ms bigint)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    known reservation;
BEGIN
    SELECT * INTO known FROM reservation WHERE id_high = high AND id_low = low;
    IF FOUND THEN
        RETURN CASE WHEN (known.sku, known.quantity, known.hold_ms) = (level, units, ms)
            THEN '2' ELSE '6' END;
    END IF;
    UPDATE stock SET reserved = reserved + units
        WHERE sku = level AND on_hand - reserved >= units;
    IF NOT FOUND THEN
        RETURN '3';
    END IF;
    INSERT INTO reservation
        VALUES (high, low, level, units, ms, now() + ms * interval '1 millisecond');
    RETURN '1';
END $$;

-- Locks in the order of SKUs, so that no two of them deadlock. Of one SKU, what comes
-- after a refused operation is refused unless both would fit: one pass is faster than to be exact.
CREATE FUNCTION reserve_many(highs bigint[], lows bigint[], levels int[], units bigint[], ms bigint)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answers text;
BEGIN
    PERFORM 1 FROM stock WHERE sku = ANY (levels) ORDER BY sku FOR UPDATE;
    WITH asked AS (
        SELECT a.*, s.on_hand - s.reserved AS free,
            CASE WHEN (r.sku, r.quantity, r.hold_ms) = (a.level, a.quantity, ms) THEN '2'
                WHEN r.id_high IS NOT NULL THEN '6' END AS known
            FROM unnest(highs, lows, levels, units)
                WITH ORDINALITY AS a (high, low, level, quantity, n)
            LEFT JOIN reservation r ON r.id_high = a.high AND r.id_low = a.low
            LEFT JOIN stock s ON s.sku = a.level
    ), judged AS (
        SELECT *, known IS NULL AND free >= sum(quantity) FILTER (WHERE known IS NULL)
                OVER (PARTITION BY level ORDER BY n) AS is_free
            FROM asked
    ), held AS (
        INSERT INTO reservation
            SELECT high, low, level, quantity, ms, now() + ms * interval '1 millisecond'
            FROM judged WHERE is_free
    ), taken AS (
        UPDATE stock s SET reserved = s.reserved + t.quantity
            FROM (SELECT level, sum(quantity) AS quantity FROM judged WHERE is_free GROUP BY level) t
            WHERE s.sku = t.level
    )
    SELECT string_agg(COALESCE(known, CASE WHEN is_free THEN '1' ELSE '3' END), '' ORDER BY n)
        INTO answers
        FROM judged;
    RETURN answers;
END $$;
