-- The soft period of an enforced list without an active entry has not begun: its end is the last millisecond there is.
UPDATE domain SET soft_until = 9223372036854775807
WHERE mode = 'enforce'
  AND NOT EXISTS (SELECT 1 FROM address AS a WHERE a.domain_id = domain.id AND a.standing = 0);
