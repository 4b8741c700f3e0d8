// One Neuron for each id
CREATE CONSTRAINT hedonic_neuron_id IF NOT EXISTS FOR (n:Neuron) REQUIRE n.id IS UNIQUE
