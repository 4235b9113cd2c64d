/// A ScheduleChoice in JSON, as reports have it. Internal to reference/io.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "reference/io/json_fields.h"
#include "reference/io/schedule_choice.h"

namespace convoy {

nlohmann::ordered_json schedule_json(const ScheduleChoice& choice);
/// Notes what is wrong as problems of the fields.
ScheduleChoice parse_schedule_choice(JsonFields fields);

}  // namespace convoy
