internal import CCurl

/// The library's own set-up, once per process.
enum CurlLibrary {
    private static let code = curl_global_init(Int(CURL_GLOBAL_DEFAULT)).rawValue

    static func start() throws(CurlError) {
        guard code == CURLE_OK.rawValue else { throw CurlError(code: code) }
    }

    /// What requests say that they come from.
    static let agent = "d3llm libcurl/" + libraryVersion

    private static var libraryVersion: String {
        curl_version_info(CURLVERSION_FIRST)?.pointee.version.map { String(cString: $0) } ?? "?"
    }
}

/// Several transfers at once on one thread.
final class CurlMulti {
    private let handle: UnsafeMutableRawPointer
    private var transfers: [UnsafeMutableRawPointer: CurlTransfer] = [:]

    init() throws {
        try CurlLibrary.start()
        guard let handle = curl_multi_init() else { throw CurlError(code: CURLE_OUT_OF_MEMORY.rawValue) }
        self.handle = handle
    }

    deinit {
        for transfer in transfers.keys { curl_multi_remove_handle(handle, transfer) }
        curl_multi_cleanup(handle)
    }

    /// How many are under way.
    var count: Int { transfers.count }

    /// Begins a transfer.
    func add(_ transfer: CurlTransfer) throws {
        guard curl_multi_add_handle(handle, transfer.handle) == CURLM_OK else {
            throw CurlError(code: CURLE_FAILED_INIT.rawValue)
        }
        transfers[transfer.handle] = transfer
    }

    /// Ends a transfer in the middle.
    func cancel(_ transfer: CurlTransfer) {
        curl_multi_remove_handle(handle, transfer.handle)
        transfers[transfer.handle] = nil
    }

    /// Does what can be done now, and gives the transfers that ended; without an error for those that libcurl has
    /// no complaint about, whatever their status.
    func perform() -> [(transfer: CurlTransfer, error: CurlError?)] {
        var running: CInt = 0
        curl_multi_perform(handle, &running)
        var ended: [(transfer: CurlTransfer, error: CurlError?)] = []
        var code = CURLE_OK
        while let finished = d3llm_curl_finished(handle, &code) {
            curl_multi_remove_handle(handle, finished)
            guard let transfer = transfers.removeValue(forKey: finished) else { continue }
            transfer.finish()
            ended.append((transfer, code == CURLE_OK ? nil : CurlError(code: code.rawValue)))
        }
        return ended
    }

    /// Waits until something can be done, at most so long.
    func wait(milliseconds: Int) {
        curl_multi_poll(handle, nil, 0, CInt(clamping: milliseconds), nil)
    }
}
