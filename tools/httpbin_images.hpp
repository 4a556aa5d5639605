// The picture of `rondo serve`'s /image: a loop with three tasks on it, 64 by 64.
#pragma once

#include <string>
#include <string_view>

namespace rondo::tools {

// The file; `type` is image/png, image/jpeg, image/webp or image/svg+xml.
std::string image_of_type(std::string_view type);

}  // namespace rondo::tools
