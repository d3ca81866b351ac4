-- users of the store
SET NAMES utf8mb4;
INSERT INTO `mailbox` VALUES ('ann@example.test','{BLF-CRYPT}$2y$10$Secr3tHash','Ann',1);
INSERT INTO `mailbox` VALUES ('bo@example.test','{BLF-CRYPT}$2y$10$Hunt3rHash','Bo',1);
