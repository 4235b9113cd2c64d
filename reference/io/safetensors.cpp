#include "reference/io/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "reference/core/error.h"
#include "reference/core/fnv1a.h"
#include "reference/io/json_fields.h"

namespace convoy {
namespace {

using nlohmann::json;

static_assert(std::endian::native == std::endian::little, "safetensors files are little-endian");

constexpr std::size_t kLengthBytes = 8;
constexpr std::string_view kChecksum = "checksum";
constexpr std::size_t kChecksumDigits = 16;
constexpr const char* kMetadata = "__metadata__";

/// Where the digits of the checksum stand; npos without one. Quotes inside of texts are escaped, so this is found nowhere else.
std::size_t place_of_checksum(std::string_view header) {
  const std::string key = cat('"', kChecksum, "\":\"");
  const std::size_t found = header.find(key);
  return found == std::string_view::npos || found + key.size() + kChecksumDigits > header.size() ? std::string_view::npos
                                                                                                 : found + key.size();
}

std::string checksum_of(std::span<const std::byte> bytes, std::size_t digits_at) {
  constexpr std::string_view zeros = "0000000000000000";
  Fnv1a sum;
  sum.add(bytes.first(digits_at));
  sum.add(bytes_of(zeros));
  sum.add(bytes.subspan(digits_at + kChecksumDigits));
  return sum.digits();
}

std::int64_t element_bytes(const std::string& dtype) {
  static const std::map<std::string, std::int64_t> kBytes = {{"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E5M2", 1}, {"F8_E4M3", 1},
                                                             {"I16", 2},  {"U16", 2}, {"F16", 2}, {"BF16", 2},    {"I32", 4},
                                                             {"U32", 4},  {"F32", 4}, {"F64", 8}, {"I64", 8},     {"U64", 8}};
  const auto found = kBytes.find(dtype);
  return found == kBytes.end() ? 0 : found->second;
}

/// Reads the header of one file.
class Reader {
 public:
  Reader(std::span<const std::byte> bytes, const std::string& name) : bytes_(bytes), name_(name) {}

  SafeTensors read() {
    split();
    SafeTensors file;
    for (const auto& [key, entry] : header_.items()) {
      if (key == kMetadata) {
        read_metadata(entry, file.metadata);
      } else {
        file.tensors[key] = read_tensor(key, entry);
      }
    }
    require_covered();
    if (file.metadata.contains(std::string(kChecksum))) require_checksum(file.metadata.at(std::string(kChecksum)));
    return file;
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    throw InputError(cat("'", name_, "' is not a safetensors file: ", why, "; write one with: convoy train --save FILE"));
  }

  void split() {
    if (bytes_.size() < kLengthBytes) refuse(cat("it has ", bytes_.size(), " bytes"));
    std::uint64_t length = 0;
    std::memcpy(&length, bytes_.data(), kLengthBytes);
    if (length > bytes_.size() - kLengthBytes)
      refuse(cat("its header should have ", length, " bytes, and only ", bytes_.size() - kLengthBytes, " follow"));
    text_ = {reinterpret_cast<const char*>(bytes_.data()) + kLengthBytes, static_cast<std::size_t>(length)};
    data_ = bytes_.subspan(kLengthBytes + length);
    header_ = json_or_nothing(text_);
    if (!header_.is_object()) refuse("its header is not JSON");
  }

  void read_metadata(const json& entry, std::map<std::string, std::string>& metadata) const {
    if (!entry.is_object()) refuse("its metadata is no object");
    for (const auto& [key, value] : entry.items()) {
      if (!value.is_string()) refuse(cat("its metadata '", key, "' is no text"));
      metadata[key] = value.get<std::string>();
    }
  }

  [[noreturn]] void refuse_tensor(const std::string& key, const std::string& why) const {
    throw InputError(cat("'", name_, "': tensor '", key, "' ", why));
  }

  StoredTensor read_tensor(const std::string& key, const json& entry) {
    if (!entry.is_object() || !entry.contains("dtype") || !entry["dtype"].is_string() || !entry.contains("shape") ||
        !entry["shape"].is_array() || !entry.contains("data_offsets"))
      refuse_tensor(key, "must have a dtype, a shape and data_offsets");
    StoredTensor tensor{.dtype = entry["dtype"].get<std::string>(), .shape = {}, .bytes = {}};
    const std::int64_t element = element_bytes(tensor.dtype);
    if (element == 0) refuse_tensor(key, cat("has the unknown dtype '", tensor.dtype, "'"));
    std::uint64_t expected = static_cast<std::uint64_t>(element);
    for (const json& extent : entry["shape"]) {
      if (!extent.is_number_unsigned() || (extent.get<std::uint64_t>() >> 40U) != 0)
        refuse_tensor(key, "has an impossible shape");
      tensor.shape.push_back(extent.get<std::int64_t>());
      if (__builtin_mul_overflow(expected, extent.get<std::uint64_t>(), &expected)) refuse_tensor(key, "has an impossible shape");
    }
    const json& offsets = entry["data_offsets"];
    const bool numbers =
        offsets.is_array() && offsets.size() == 2 && offsets[0].is_number_unsigned() && offsets[1].is_number_unsigned();
    const std::uint64_t begin = numbers ? offsets[0].get<std::uint64_t>() : 0,
                        end = numbers ? offsets[1].get<std::uint64_t>() : 0;
    if (!numbers || end < begin || end - begin != expected || end > data_.size())
      throw InputError(cat("'", name_, "': the values of tensor '", key, "' are not all there (", data_.size(),
                           " bytes of values in the file)"));
    tensor.bytes = data_.subspan(begin, end - begin);
    places_.emplace_back(begin, end);
    return tensor;
  }

  void require_covered() {
    std::ranges::sort(places_);
    std::uint64_t at = 0;
    for (const auto& [begin, end] : places_) {
      if (begin != at) refuse(cat("its tensors do not follow one another at byte ", at, " of the values"));
      at = end;
    }
    if (at != data_.size()) refuse(cat("its tensors have ", at, " bytes of values, and ", data_.size(), " are there"));
  }

  void require_checksum(const std::string& written) const {
    const std::size_t at = place_of_checksum(text_);
    const std::string found = at == std::string_view::npos ? "" : checksum_of(bytes_, kLengthBytes + at);
    if (found != written)
      throw InputError(cat("'", name_, "' is damaged: its checksum is ", written, ", and that of what is in it is ", found,
                           "; use another copy or an earlier checkpoint"));
  }

  std::span<const std::byte> bytes_, data_;
  std::string name_;
  std::string_view text_;
  json header_;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> places_;
};

template <class T>
void append(std::span<const double> values, std::string& out) {
  const std::size_t begin = out.size();
  out.resize(begin + values.size() * sizeof(T));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto value = static_cast<T>(values[i]);
    std::memcpy(out.data() + begin + i * sizeof(T), &value, sizeof(T));
  }
}

template <class T>
std::vector<double> widened(std::span<const std::byte> bytes) {
  std::vector<double> values(bytes.size() / sizeof(T));
  for (std::size_t i = 0; i < values.size(); ++i) {
    T value;
    std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
    values[i] = static_cast<double>(value);
  }
  return values;
}

}  // namespace

SafeTensors parse_safetensors(std::span<const std::byte> bytes, const std::string& name) { return Reader(bytes, name).read(); }

std::vector<double> values_of(const StoredTensor& tensor, const std::string& tensor_name, const std::string& file_name) {
  if (tensor.dtype == "F32") return widened<float>(tensor.bytes);
  if (tensor.dtype == "F64") return widened<double>(tensor.bytes);
  throw InputError(cat("'", file_name, "': tensor '", tensor_name, "' must have dtype F32 or F64, not ", tensor.dtype));
}

std::string to_safetensors(const std::vector<TensorValues>& tensors, const std::map<std::string, std::string>& metadata,
                           DType dtype) {
  require(dtype == DType::f32 || dtype == DType::f64, "to_safetensors", "tensors in ", to_string(dtype));
  const auto element = static_cast<std::uint64_t>(size_bytes(dtype));
  json header;
  header[kMetadata] = metadata;
  header[kMetadata][std::string(kChecksum)] = std::string(kChecksumDigits, '0');
  std::uint64_t at = 0;
  for (const TensorValues& tensor : tensors) {
    const std::uint64_t end = at + tensor.values.size() * element;
    header[tensor.name] = {{"dtype", dtype == DType::f32 ? "F32" : "F64"}, {"shape", tensor.shape}, {"data_offsets", {at, end}}};
    at = end;
  }
  std::string text = json_text(header);
  text.append((kLengthBytes - text.size() % kLengthBytes) % kLengthBytes, ' ');  // values begin on a multiple of 8
  const auto length = std::bit_cast<std::array<char, kLengthBytes>>(static_cast<std::uint64_t>(text.size()));
  std::string file;
  file.reserve(kLengthBytes + text.size() + at);
  file.append(length.data(), length.size()).append(text);
  for (const TensorValues& tensor : tensors)
    dtype == DType::f32 ? append<float>(tensor.values, file) : append<double>(tensor.values, file);
  const std::size_t digits_at = kLengthBytes + place_of_checksum(text);
  file.replace(digits_at, kChecksumDigits, checksum_of(bytes_of(file), digits_at));
  return file;
}

}  // namespace convoy
