-- The platform's account, its heartbeat, and its care of the binlogs.
CREATE USER rdsadmin@localhost IDENTIFIED WITH auth_socket AS 'root';
GRANT ALL PRIVILEGES ON *.* TO rdsadmin@localhost WITH GRANT OPTION;

USE mysql;
CREATE TABLE rds_heartbeat2 (id INT NOT NULL PRIMARY KEY, value BIGINT);
CREATE TABLE rds_configuration (name VARCHAR(100) NOT NULL PRIMARY KEY, value VARCHAR(100), description VARCHAR(300));
INSERT INTO rds_configuration VALUES
  ('binlog retention hours', NULL, 'hours that binary logs are kept; NULL: as short as possible'),
  ('source delay', '0', 'seconds of delay of the replica'),
  ('target delay', '0', 'seconds of delay of the replica');

DELIMITER //
CREATE DEFINER = rdsadmin@localhost EVENT rds_heartbeat ON SCHEDULE EVERY 1 SECOND DO
  INSERT INTO mysql.rds_heartbeat2 VALUES (1, ROUND(UNIX_TIMESTAMP(NOW(3)) * 1000))
    ON DUPLICATE KEY UPDATE value = VALUES(value)//

-- Without a retention binary logs go as soon as no replica reads them.
CREATE DEFINER = rdsadmin@localhost EVENT rds_binlog_care ON SCHEDULE EVERY 20 SECOND DO
BEGIN
  DECLARE hours VARCHAR(100) DEFAULT (SELECT value FROM mysql.rds_configuration WHERE name = 'binlog retention hours');
  IF hours IS NULL THEN
    FLUSH NO_WRITE_TO_BINLOG BINARY LOGS;
    PURGE BINARY LOGS BEFORE NOW(6);
  END IF;
END//
DELIMITER ;
