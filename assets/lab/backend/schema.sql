-- The shop's schema, as it grew: foreign keys, indexes, a view, a trigger, JSON, and a corner of column
-- types that copying tools get wrong. Amounts are in the smallest unit of the currency.

CREATE TABLE tenants (
  id INT UNSIGNED NOT NULL,
  name VARCHAR(120) NOT NULL,
  region ENUM('früh', 'spät', 'nachts') CHARACTER SET latin1 NOT NULL DEFAULT 'früh',
  settings JSON NOT NULL,
  plan VARCHAR(16) GENERATED ALWAYS AS (settings ->> '$.plan') STORED,
  created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (id),
  UNIQUE KEY name (name),
  KEY plan (plan)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_0900_ai_ci;

CREATE TABLE accounts (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  tenant_id INT UNSIGNED NOT NULL,
  kind ENUM('main', 'savings', 'fees', 'clearing') NOT NULL,
  balance BIGINT NOT NULL DEFAULT 0,
  version INT UNSIGNED NOT NULL DEFAULT 0,
  PRIMARY KEY (id),
  UNIQUE KEY tenant_kind (tenant_id, kind),
  CONSTRAINT accounts_tenant FOREIGN KEY (tenant_id) REFERENCES tenants (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_0900_ai_ci;

CREATE TABLE orders (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  tenant_id INT UNSIGNED NOT NULL,
  account_id BIGINT UNSIGNED NOT NULL,
  state ENUM('new', 'paid', 'shipped', 'void') NOT NULL DEFAULT 'new',
  amount BIGINT NOT NULL,
  note VARCHAR(200) NULL,
  detail JSON NULL,
  created_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  PRIMARY KEY (id),
  KEY tenant_time (tenant_id, created_at),
  KEY account (account_id),
  CONSTRAINT orders_tenant FOREIGN KEY (tenant_id) REFERENCES tenants (id),
  CONSTRAINT orders_account FOREIGN KEY (account_id) REFERENCES accounts (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_0900_ai_ci;

CREATE TABLE order_items (
  order_id BIGINT UNSIGNED NOT NULL,
  line SMALLINT UNSIGNED NOT NULL,
  sku VARCHAR(32) CHARACTER SET latin1 COLLATE latin1_bin NOT NULL,
  quantity INT UNSIGNED NOT NULL,
  price BIGINT NOT NULL,
  total BIGINT GENERATED ALWAYS AS (quantity * price) VIRTUAL,
  PRIMARY KEY (order_id, line),
  KEY sku (sku),
  CONSTRAINT order_items_order FOREIGN KEY (order_id) REFERENCES orders (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_0900_ai_ci;

-- Double entry: the two rows of an order cancel each other out.
CREATE TABLE ledger (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  order_id BIGINT UNSIGNED NOT NULL,
  account_id BIGINT UNSIGNED NOT NULL,
  side ENUM('debit', 'credit') NOT NULL,
  amount BIGINT NOT NULL,
  booked_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  PRIMARY KEY (id),
  KEY order_side (order_id, side),
  KEY account (account_id, id),
  CONSTRAINT ledger_order FOREIGN KEY (order_id) REFERENCES orders (id),
  CONSTRAINT ledger_account FOREIGN KEY (account_id) REFERENCES accounts (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_0900_ai_ci;

CREATE TABLE jobs (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  kind VARCHAR(32) NOT NULL,
  upto BIGINT UNSIGNED NOT NULL,
  result JSON NULL,
  ran_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  PRIMARY KEY (id),
  KEY kind (kind, upto)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_0900_ai_ci;

-- The tenants' writes by the client's own id. That id is no key: a payment booked twice shows as two rows.
CREATE TABLE writes (
  id BIGINT NOT NULL AUTO_INCREMENT,
  attempt CHAR(36) CHARACTER SET ascii NOT NULL,
  tenant_id INT UNSIGNED NOT NULL,
  account_id BIGINT UNSIGNED NOT NULL,
  amount BIGINT NOT NULL,
  created_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  PRIMARY KEY (id),
  KEY attempt (attempt),
  KEY tenant (tenant_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_0900_ai_ci;

-- What copying tools get wrong, a few rows of each: read by the yearly report only.
CREATE TABLE curiosities (
  code VARBINARY(16) NOT NULL,
  flags BIT(12) NOT NULL,
  exact DECIMAL(65, 30) NULL,
  ratio DOUBLE NULL,
  offset_by TIME(2) NULL,
  largest BIGINT UNSIGNED NULL,
  choices SET('a', 'b', 'c') NULL,
  raw BLOB NULL,
  remark TEXT NULL,
  year_of YEAR NULL,
  secret_note VARCHAR(20) INVISIBLE DEFAULT 'unseen',
  PRIMARY KEY (code),
  KEY upper_remark ((UPPER(SUBSTRING(remark, 1, 20))))
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_0900_ai_ci;

CREATE VIEW tenant_balances AS
  SELECT t.id AS tenant_id, t.name, SUM(a.balance) AS balance
  FROM tenants t JOIN accounts a ON a.tenant_id = t.id AND a.kind <> 'clearing'
  GROUP BY t.id, t.name;

CREATE TRIGGER accounts_version BEFORE UPDATE ON accounts
  FOR EACH ROW SET NEW.version = OLD.version + 1;

CREATE PROCEDURE void_order(IN wanted BIGINT UNSIGNED) SQL SECURITY INVOKER
  UPDATE orders SET state = 'void' WHERE id = wanted AND state = 'new';
