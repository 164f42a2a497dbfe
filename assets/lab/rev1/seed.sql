-- Tenants and their history, made inside the server. @rows rows of orders and ledger in all: each order has
-- one row in orders, one item (not counted) and two ledger rows. Everything follows from its number, so
-- that two worlds of one size are alike.
SET SESSION sql_log_bin = 0, foreign_key_checks = 0, unique_checks = 0, cte_max_recursion_depth = 10000000,
  time_zone = '+00:00';
SET @orders = GREATEST(@rows DIV 3, 1);
SET @start = TIMESTAMP('2024-01-01 00:00:00');

INSERT INTO tenants (id, name, region, settings)
  WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 6000)
  SELECT n, CONCAT('Tenant ', LPAD(n, 4, '0'), IF(n % 17 = 0, ' 株式会社', IF(n % 13 = 0, ' Æther & Söhne', ''))),
    ELT(1 + n % 3, 'früh', 'spät', 'nachts'),
    JSON_OBJECT('plan', ELT(1 + n % 3, 'free', 'team', 'firm'), 'seats', n % 40, 'rate', n / 8)
  FROM c;

-- Four accounts each; an account's id follows from its tenant's.
INSERT INTO accounts (id, tenant_id, kind)
  WITH RECURSIVE c (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM c WHERE n < 23999)
  SELECT n + 1, n DIV 4 + 1, ELT(1 + n % 4, 'main', 'savings', 'fees', 'clearing') FROM c;

INSERT INTO orders (id, tenant_id, account_id, state, amount, note, detail, created_at)
  WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < @orders)
  SELECT n, 1 + n * 7919 % 6000, 1 + (n * 7919 % 6000) * 4, ELT(1 + n % 20 DIV 17, 'shipped', 'void'), 1 + n * 31 % 9973,
    IF(n % 9 = 0, NULL, CONCAT('Order ', n, ' of the ', DATE_FORMAT(@start + INTERVAL n MINUTE, '%d.%m.%Y'), ', ', SHA2(n, 224))),
    JSON_OBJECT('channel', ELT(1 + n % 3, 'web', 'app', 'import'), 'weight', n / 16),
    @start + INTERVAL n * 77 SECOND
  FROM c;

INSERT INTO order_items (order_id, line, sku, quantity, price)
  SELECT id, 1, CONCAT('SKU-', id % 997), 1, amount FROM orders;

INSERT INTO ledger (order_id, account_id, side, amount, booked_at)
  SELECT o.id, o.account_id + s.n, ELT(1 + (s.n = 0), 'debit', 'credit'), o.amount, o.created_at
  FROM orders o CROSS JOIN (SELECT 3 AS n UNION ALL SELECT 0) s ORDER BY o.id, s.n DESC;

UPDATE accounts a JOIN (
    SELECT account_id, SUM(IF(side = 'credit', amount, -amount)) AS balance FROM ledger GROUP BY account_id
  ) l ON l.account_id = a.id SET a.balance = l.balance;

INSERT INTO curiosities (code, flags, exact, ratio, offset_by, largest, choices, raw, remark, year_of) VALUES
  (X'00', b'0', 0, -0e0, '-00:00:00.01', 0, '', X'', '', 1901),
  (X'0000', b'111111111111', 12345678901234567890123456789012345.123456789012345678901234567891, 1.7976931348623157e308,
    '838:59:59.00', 18446744073709551615, 'a,c', X'00FF0A0D09275C1A', 'NULL', 2155),
  ('tab', b'1', -0.000000000000000000000000000001, 2.2250738585072014e-308, '00:00:00.00', 1, 'b', X'FFFE', '\\N', 2024),
  ('none', b'10', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  ('text', b'101', 1.5, 0.1, '12:34:56.78', 9223372036854775808, 'a,b,c', REPEAT(X'C3', 300),
    'line one\nline two\ttabbed "quoted" \'single\' back\\slash ünï 漢字 😀', 2000);
