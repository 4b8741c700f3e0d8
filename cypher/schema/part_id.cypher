// One Part for each id
CREATE CONSTRAINT hedonic_part_id IF NOT EXISTS FOR (n:Part) REQUIRE n.id IS UNIQUE
