#include "endpoint/zstd_stream.hpp"

#include <zstd.h>

#include "base/assert.hpp"

namespace syncline {
namespace {

constexpr int level = 3;

}  // namespace

ZstdWriter::ZstdWriter() : context_(ZSTD_createCCtx()) {
    SYNCLINE_ASSERT(context_ != nullptr);
    ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, level);
    ZSTD_CCtx_setParameter(context_, ZSTD_c_checksumFlag, 1);
    // One thread more, so that files are read meanwhile; a library without threads refuses, and does it here.
    ZSTD_CCtx_setParameter(context_, ZSTD_c_nbWorkers, 1);
}

ZstdWriter::~ZstdWriter() { ZSTD_freeCCtx(context_); }

void ZstdWriter::add(std::string_view bytes, std::string& out) { compress(bytes, false, out); }

void ZstdWriter::finish(std::string& out) { compress({}, true, out); }

void ZstdWriter::compress(std::string_view bytes, bool is_last, std::string& out) {
    ZSTD_inBuffer input{bytes.data(), bytes.size(), 0};
    size_t step = ZSTD_CStreamOutSize();
    bool goes_on = true;
    while (goes_on) {
        size_t filled = out.size();
        out.resize(filled + step);
        ZSTD_outBuffer output{out.data() + filled, step, 0};
        size_t rest = ZSTD_compressStream2(context_, &output, &input, is_last ? ZSTD_e_end : ZSTD_e_continue);
        SYNCLINE_ASSERT(ZSTD_isError(rest) == 0);  // of memory alone
        out.resize(filled + output.pos);
        goes_on = is_last ? rest > 0 : input.pos < input.size;
    }
}

ZstdReader::ZstdReader() : context_(ZSTD_createDCtx()), buffer_(ZSTD_DStreamOutSize(), '\0') {
    SYNCLINE_ASSERT(context_ != nullptr);
}

ZstdReader::~ZstdReader() { ZSTD_freeDCtx(context_); }

void ZstdReader::feed(std::string_view bytes, const Take& take) {
    ZSTD_inBuffer input{bytes.data(), bytes.size(), 0};
    bool may_have_more = true;  // in its own buffers
    while (!is_whole_ && error_.empty() && (input.pos < input.size || may_have_more)) {
        ZSTD_outBuffer output{buffer_.data(), buffer_.size(), 0};
        size_t rest = ZSTD_decompressStream(context_, &output, &input);
        if (ZSTD_isError(rest) != 0) {
            error_ = std::string("its zstd stream is damaged (") + ZSTD_getErrorName(rest) + ")";
            return;
        }
        may_have_more = output.pos == output.size;
        is_whole_ = rest == 0;
        if (output.pos > 0) take(std::string_view(buffer_.data(), output.pos));
    }
}

}  // namespace syncline
