internal import CCrypto
internal import Files
internal import SystemPackage

/// Git's name of a content: the SHA-1 of "blob", its size and its bytes.
enum GitBlob {
    /// Nil on systems that keep to approved algorithms and so have no SHA-1.
    ///
    /// - Throws: `FileError`.
    static func name(ofFile path: FilePath) throws -> String? {
        let size = try FileSystem.status(path)?.size ?? 0
        guard let context = EVP_MD_CTX_new() else { throw FileError("read", path, .noMemory) }
        defer { EVP_MD_CTX_free(context) }
        guard EVP_DigestInit_ex(context, EVP_sha1(), nil) == 1 else { return nil }
        let head = Array("blob \(size)\0".utf8)
        EVP_DigestUpdate(context, head, head.count)
        try FileSystem.readParts(path) { EVP_DigestUpdate(context, $0.baseAddress, $0.count) }
        let digest = [UInt8](unsafeUninitializedCapacity: 20) { buffer, count in
            EVP_DigestFinal_ex(context, buffer.baseAddress, nil)
            count = 20
        }
        return SHA256.hex(digest)
    }
}
