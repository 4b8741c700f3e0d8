// Find a Neuron by its model
CREATE INDEX hedonic_neuron_model IF NOT EXISTS FOR (n:Neuron) ON (n.model)
