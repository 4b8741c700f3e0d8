// One Run for each id
CREATE CONSTRAINT hedonic_run_id IF NOT EXISTS FOR (n:Run) REQUIRE n.id IS UNIQUE
