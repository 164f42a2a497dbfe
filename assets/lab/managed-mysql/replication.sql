-- Replication from outside by procedures, named, typed and checked as those of RDS 8.4.
DELIMITER //

CREATE DEFINER = rdsadmin@localhost PROCEDURE rds_refuse(IN why TEXT) SQL SECURITY DEFINER
BEGIN
  DECLARE text_ VARCHAR(128) DEFAULT LEFT(why, 128);
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = text_;
END//

-- 1 while a receiver or an applier of any channel runs.
CREATE DEFINER = rdsadmin@localhost FUNCTION rds_replicating() RETURNS INT READS SQL DATA SQL SECURITY DEFINER
BEGIN
  RETURN EXISTS (SELECT 1 FROM performance_schema.replication_connection_status WHERE service_state <> 'OFF')
      OR EXISTS (SELECT 1 FROM performance_schema.replication_applier_status WHERE service_state <> 'OFF');
END//

CREATE DEFINER = rdsadmin@localhost FUNCTION rds_configured() RETURNS INT READS SQL DATA SQL SECURITY DEFINER
BEGIN
  RETURN EXISTS (SELECT 1 FROM performance_schema.replication_connection_configuration WHERE host <> '');
END//

CREATE DEFINER = rdsadmin@localhost PROCEDURE rds_set_external_source_with_auto_position(
  IN host VARCHAR(255), IN port INT, IN user VARCHAR(32), IN password VARCHAR(100), IN ssl_ TINYINT, IN delay INT)
SQL SECURITY DEFINER
BEGIN
  IF host IS NULL OR host = '' THEN CALL mysql.rds_refuse('Host must not be empty.'); END IF;
  IF port IS NULL OR port NOT BETWEEN 1 AND 65535 THEN CALL mysql.rds_refuse('Port must be between 1 and 65535.'); END IF;
  IF user IS NULL OR user = '' THEN CALL mysql.rds_refuse('User must not be empty.'); END IF;
  IF password IS NULL OR password = '' THEN CALL mysql.rds_refuse('Password must not be empty.'); END IF;
  IF ssl_ IS NULL OR ssl_ NOT IN (0, 1) THEN CALL mysql.rds_refuse('SSL encryption must be 0 or 1.'); END IF;
  IF delay IS NULL OR delay NOT BETWEEN 0 AND 86400 THEN CALL mysql.rds_refuse('Delay must be between 0 and 86400 seconds.'); END IF;
  IF rds_replicating() THEN CALL mysql.rds_refuse('Replication is running: call mysql.rds_stop_replication first.'); END IF;
  SET @rds_statement = CONCAT('CHANGE REPLICATION SOURCE TO SOURCE_HOST = ', QUOTE(host), ', SOURCE_PORT = ', port,
    ', SOURCE_USER = ', QUOTE(user), ', SOURCE_PASSWORD = ', QUOTE(password), ', SOURCE_AUTO_POSITION = 1, SOURCE_SSL = ',
    ssl_, ', SOURCE_DELAY = ', delay, ', SOURCE_CONNECT_RETRY = 5, SOURCE_RETRY_COUNT = 86400');
  PREPARE rds_prepared FROM @rds_statement;
  SET @rds_statement = NULL;
  EXECUTE rds_prepared;
  DEALLOCATE PREPARE rds_prepared;
  SELECT 'Replication is configured.' AS Message;
END//

CREATE DEFINER = rdsadmin@localhost PROCEDURE rds_set_external_source_gtid_purged(
  IN server_uuid_ CHAR(36), IN start_pos BIGINT, IN end_pos BIGINT)
SQL SECURITY DEFINER
BEGIN
  DECLARE interval_ VARCHAR(100);
  IF server_uuid_ IS NULL OR server_uuid_ NOT REGEXP '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' THEN
    CALL mysql.rds_refuse('The server UUID is not valid; GTIDs with a tag are not supported.');
  END IF;
  IF LOWER(server_uuid_) = LOWER(@@global.server_uuid) THEN
    CALL mysql.rds_refuse('The server UUID must not be that of this DB instance.');
  END IF;
  IF start_pos IS NULL OR end_pos IS NULL OR start_pos < 1 OR end_pos < start_pos THEN
    CALL mysql.rds_refuse('The start must be at least 1 and the end not before the start.');
  END IF;
  IF rds_replicating() THEN CALL mysql.rds_refuse('Replication is running: call mysql.rds_stop_replication first.'); END IF;
  SET interval_ = CONCAT(server_uuid_, ':', start_pos, '-', end_pos);
  IF GTID_SUBTRACT(interval_, @@global.gtid_executed) <> GTID_SUBTRACT(interval_, '') THEN
    CALL mysql.rds_refuse('The GTID interval overlaps gtid_executed or gtid_purged.');
  END IF;
  SET @rds_interval = CONCAT('+', interval_);
  SET GLOBAL gtid_purged = @rds_interval;
  SET @rds_interval = NULL;
  SELECT CONCAT('GTID interval ', interval_, ' is purged.') AS Message;
END//

CREATE DEFINER = rdsadmin@localhost PROCEDURE rds_start_replication() SQL SECURITY DEFINER
BEGIN
  IF NOT rds_configured() THEN CALL mysql.rds_refuse('No replication source is configured.'); END IF;
  IF rds_replicating() THEN
    SELECT 'Replication is running already.' AS Message;
  ELSE
    START REPLICA;
    SELECT 'Replication is started.' AS Message;
  END IF;
END//

CREATE DEFINER = rdsadmin@localhost PROCEDURE rds_start_replication_until_gtid(IN gtid TEXT) SQL SECURITY DEFINER
BEGIN
  DECLARE wanted TEXT;
  IF NOT rds_configured() THEN CALL mysql.rds_refuse('No replication source is configured.'); END IF;
  IF rds_replicating() THEN CALL mysql.rds_refuse('Replication is running: call mysql.rds_stop_replication first.'); END IF;
  IF gtid IS NULL OR gtid = '' THEN CALL mysql.rds_refuse('The GTID must not be empty.'); END IF;
  -- Also refuses what is no GTID set, with the server's own message.
  SET wanted = GTID_SUBTRACT(gtid, '');
  SET @rds_statement = CONCAT('START REPLICA UNTIL SQL_AFTER_GTIDS = ', QUOTE(REPLACE(wanted, '\n', '')));
  PREPARE rds_prepared FROM @rds_statement;
  SET @rds_statement = NULL;
  EXECUTE rds_prepared;
  DEALLOCATE PREPARE rds_prepared;
  SELECT 'Replication is started, until the GTID is reached.' AS Message;
END//

CREATE DEFINER = rdsadmin@localhost PROCEDURE rds_stop_replication() SQL SECURITY DEFINER
BEGIN
  IF rds_replicating() THEN
    STOP REPLICA;
    SELECT 'Replication is stopped.' AS Message;
  ELSE
    SELECT 'Replication is stopped already.' AS Message;
  END IF;
END//

CREATE DEFINER = rdsadmin@localhost PROCEDURE rds_reset_external_source() SQL SECURITY DEFINER
BEGIN
  IF rds_replicating() THEN STOP REPLICA; END IF;
  RESET REPLICA ALL;
  SELECT 'Replication is reset.' AS Message;
END//

DELIMITER ;
