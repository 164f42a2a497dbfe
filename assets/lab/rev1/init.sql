-- Rev1's accounts, made once on a fresh data directory before the schema. Passwords come as variables.
SET SESSION sql_log_bin = 0;
SET @statement = CONCAT('CREATE USER shop@''%'' IDENTIFIED BY ', QUOTE(@app));
PREPARE s FROM @statement; EXECUTE s;
SET @statement = CONCAT('CREATE USER cutover_admin@''%'' IDENTIFIED BY ', QUOTE(@admin));
PREPARE s FROM @statement; EXECUTE s;
DEALLOCATE PREPARE s;
GRANT SELECT, INSERT, UPDATE, DELETE ON shop.* TO shop@'%';
GRANT ALL PRIVILEGES ON *.* TO cutover_admin@'%' WITH GRANT OPTION;
ALTER USER root@localhost IDENTIFIED WITH auth_socket;
CREATE DATABASE shop CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci;
