-- The platform's settings that an admin may change.
DELIMITER //

CREATE DEFINER = rdsadmin@localhost PROCEDURE rds_set_configuration(IN name_ VARCHAR(30), IN value_ INT) SQL SECURITY DEFINER
BEGIN
  DECLARE seconds INT DEFAULT 0;
  IF name_ IS NULL OR name_ NOT IN (SELECT name FROM mysql.rds_configuration) THEN
    CALL mysql.rds_refuse('Unknown configuration name.');
  END IF;
  IF name_ = 'binlog retention hours' THEN
    IF value_ IS NOT NULL AND value_ NOT BETWEEN 1 AND 168 THEN
      CALL mysql.rds_refuse('For binlog retention hours the value must be between 1 and 168, or NULL.');
    END IF;
    IF value_ IS NULL THEN
      SET GLOBAL binlog_expire_logs_seconds = DEFAULT;
      RESET PERSIST IF EXISTS binlog_expire_logs_seconds;
    ELSE
      SET seconds = value_ * 3600;
      SET PERSIST binlog_expire_logs_seconds = seconds;
    END IF;
  ELSEIF value_ IS NULL OR value_ NOT BETWEEN 0 AND 86400 THEN
    CALL mysql.rds_refuse('The value must be between 0 and 86400.');
  END IF;
  UPDATE mysql.rds_configuration SET value = value_ WHERE name = name_;
END//

CREATE DEFINER = rdsadmin@localhost PROCEDURE rds_show_configuration() SQL SECURITY DEFINER
BEGIN
  SELECT name, value, description FROM mysql.rds_configuration ORDER BY name;
END//

DELIMITER ;
