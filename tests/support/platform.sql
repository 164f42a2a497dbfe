-- A managed platform's part, for servers that a test makes itself: procedures that check as RDS 8.4's do, an
-- admin without SUPER, and a heartbeat of the platform's own.
CREATE TABLE mysql.rds_heartbeat2 (id INT PRIMARY KEY, value BIGINT);
INSERT INTO mysql.rds_heartbeat2 VALUES (1, 1);
CREATE TABLE mysql.rds_configuration (name VARCHAR(100) PRIMARY KEY, value VARCHAR(100), description VARCHAR(300));
INSERT INTO mysql.rds_configuration VALUES ('binlog retention hours', NULL, 'hours that binlogs are kept'), ('target delay', '0', 'seconds');
USE mysql;
DELIMITER //
CREATE PROCEDURE replica_on(OUT is_on INT) SQL SECURITY DEFINER
  SELECT COUNT(*) INTO is_on FROM performance_schema.replication_applier_status WHERE service_state = 'ON'//
CREATE PROCEDURE rds_set_external_source_with_auto_position(h VARCHAR(255), p INT, u VARCHAR(32), pw VARCHAR(100), s TINYINT, d INT) SQL SECURITY DEFINER
BEGIN
  CALL mysql.replica_on(@on);
  IF @on > 0 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'Replication is running: stop it first'; END IF;
  SET @c = CONCAT('CHANGE REPLICATION SOURCE TO SOURCE_HOST=', QUOTE(h), ',SOURCE_PORT=', p, ',SOURCE_USER=', QUOTE(u), ',SOURCE_PASSWORD=', QUOTE(pw),
    ',SOURCE_AUTO_POSITION=1,SOURCE_SSL=', s, ',SOURCE_DELAY=', d, ',SOURCE_CONNECT_RETRY=2,SOURCE_HEARTBEAT_PERIOD=2');
  PREPARE x FROM @c; EXECUTE x; DEALLOCATE PREPARE x; SET @c = NULL;
END//
CREATE PROCEDURE rds_start_replication() SQL SECURITY DEFINER START REPLICA//
CREATE PROCEDURE rds_start_replication_until_gtid(g TEXT) SQL SECURITY DEFINER
BEGIN SET @c = CONCAT('START REPLICA UNTIL SQL_AFTER_GTIDS=', QUOTE(g)); PREPARE x FROM @c; EXECUTE x; DEALLOCATE PREPARE x; END//
CREATE PROCEDURE rds_stop_replication() SQL SECURITY DEFINER STOP REPLICA//
CREATE PROCEDURE rds_reset_external_source() SQL SECURITY DEFINER BEGIN STOP REPLICA; RESET REPLICA ALL; END//
CREATE PROCEDURE rds_set_external_source_gtid_purged(u CHAR(36), a BIGINT, b BIGINT) SQL SECURITY DEFINER
BEGIN
  CALL mysql.replica_on(@on);
  IF @on > 0 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'Replication is running: stop it first'; END IF;
  IF u = @@server_uuid THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'The UUID is this server''s own'; END IF;
  SET @g = CONCAT(u, ':', a, '-', b);
  IF GTID_SUBTRACT(@g, @@gtid_executed) <> GTID_SUBTRACT(@g, '') THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'The interval overlaps what was executed'; END IF;
  SET @p = CONCAT('+', @g); SET GLOBAL gtid_purged = @p;
END//
CREATE PROCEDURE rds_kill(i BIGINT) SQL SECURITY DEFINER
BEGIN SET @k = CONCAT('KILL ', i); PREPARE x FROM @k; EXECUTE x; DEALLOCATE PREPARE x; END//
CREATE PROCEDURE rds_set_configuration(n VARCHAR(30), v INT) SQL SECURITY DEFINER
  UPDATE mysql.rds_configuration SET value = v WHERE name = n//
CREATE PROCEDURE rds_show_configuration() SQL SECURITY DEFINER SELECT name, value, description FROM mysql.rds_configuration//
CREATE EVENT mysql.rds_heartbeat ON SCHEDULE EVERY 1 SECOND DO UPDATE mysql.rds_heartbeat2 SET value = value + 1//
DELIMITER ;
CREATE USER admin@'%' IDENTIFIED BY 'pw';
GRANT CREATE, DROP, ALTER, INSERT, UPDATE, DELETE, SELECT, INDEX, REFERENCES, CREATE VIEW, TRIGGER, EVENT, CREATE ROUTINE, ALTER ROUTINE, EXECUTE,
  CREATE USER, PROCESS, LOCK TABLES, REPLICATION CLIENT, REPLICATION SLAVE, CREATE TEMPORARY TABLES, SHOW VIEW, SHOW DATABASES ON *.* TO admin@'%' WITH GRANT OPTION;
