// Memory and streams of one side; included by runtime.h into namespace device and into namespace emulated. Streams and events are of
// the host thread that calls; copies and kernels go to its current stream.

/// Device memory, never null for a positive size. `name` is what reports and errors call it. Throws LimitError when it runs out,
/// saying how much was asked for and how much is free.
void* allocate(std::int64_t bytes, const std::string& name, int element_bytes = 4);
void release(void* memory);
/// The same, with zeros, for memory that the host reads and writes through the same pointer while no kernel runs.
void* allocate_shared(std::int64_t bytes, const std::string& name, int element_bytes = 4);
/// Memory of the host that copies need no help to read and write: pinned.
void* allocate_pinned(std::int64_t bytes, const std::string& name, int element_bytes = 4);
void release_pinned(void* memory);
/// Copies between host and device, in the order of the stream; upload may go on after it returns only when `from` is pinned.
void upload(void* to, const void* from, std::int64_t bytes);
/// Returns when the bytes are there. What kernels did wrong before shows here, as DeviceError.
void download(void* to, const void* from, std::int64_t bytes);
/// Copies from device to device.
void copy(void* to, const void* from, std::int64_t bytes);
/// Every byte becomes `byte`.
void fill(void* at, int byte, std::int64_t bytes);
/// Waits until everything is done.
void synchronise();
/// Memory for the next kernel of the current stream, at least so large, from a store that grows to the largest request and stays.
/// What an earlier call gave on this stream is overwritten.
void* scratch(std::int64_t bytes);
/// Asks for a kernel that does nothing.
void nothing();
/// Makes a stream the current one. Stream 0 is there at first, others are made when they are named.
void use_stream(int stream);
/// Remembers this place of the current stream under a number, which may be used again.
void mark(int event);
/// What is asked of the current stream from now on waits until the device has come to a mark. Throws std::invalid_argument for one that
/// was never made.
void wait_for(int event);
/// Seconds from mark(0) to another mark, when the device reached them; waits for it.
double reached_s(int event);
