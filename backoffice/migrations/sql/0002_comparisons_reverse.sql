DROP TRIGGER scenario_effect_while_running ON scenario_effect;
DROP TRIGGER scenario_while_running ON scenario;
DROP TRIGGER comparison_guard ON comparison;
DROP FUNCTION scenario_effect_while_running(), scenario_while_running(), comparison_guard();
