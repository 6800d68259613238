public import SystemPackage

/// Opens a file, hands it to `body`, and closes it, however that ends.
///
///     let head = try await withFile(at: "data") { file in try await file.read(4096, at: 0) }
///
/// See ``AsyncFile/open(_:_:options:permissions:on:bound:)``.
@discardableResult
public func withFile<Result>(
    at path: FilePath, _ mode: FileDescriptor.AccessMode = .readOnly, options: FileDescriptor.OpenOptions = [],
    permissions: FilePermissions = [.ownerReadWrite, .groupRead, .otherRead], on connection: Connection? = nil,
    bound: Int = AsyncFile.defaultBound, _ body: (AsyncFile) async throws -> Result
) async throws -> Result {
    let file = try await AsyncFile.open(
        path, mode, options: options, permissions: permissions, on: connection, bound: bound)
    let result: Result
    do {
        result = try await body(file)
    } catch {
        try? await file.close()
        throw error
    }
    // `body` may have closed it.
    do { try await file.close() } catch Errno.badFileDescriptor {}
    return result
}
