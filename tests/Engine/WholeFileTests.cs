using MiniTorch.Tests.Training;

namespace MiniTorch.Tests.Engine;

public sealed class WholeFileTests
{
    [Fact]
    public void Where_writing_fails_the_old_file_stays_and_no_half_one_is_left()
    {
        using TemporaryFolder folder = new();
        string path = Path.Combine(folder.Path, "file");
        WholeFile.Write(path, new byte[] { 1, 2, 3 });
        IOException e = Assert.Throws<IOException>(() => WholeFile.Write(path, static stream =>
        {
            stream.WriteByte(9);
            throw new IOException("No space left on device.");
        }));
        Assert.Contains($"{path} could not be written (No space left on device); check permissions and free space", e.Message);
        Assert.Equal([1, 2, 3], File.ReadAllBytes(path));
        Assert.Equal([path], Directory.GetFiles(folder.Path));
    }
}
