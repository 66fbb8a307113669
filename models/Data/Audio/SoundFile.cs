using NVorbis;

namespace MiniTorch.Models;

/// <summary>Sound from a file of any kind that is read: WAVE or Ogg Vorbis.</summary>
public static class SoundFile
{
    /// <summary>The sound at a sample rate, channels mixed; an <see cref="InvalidDataException"/> names the file and says what is wrong.</summary>
    public static float[] Read(string path, int rate)
    {
        byte[] bytes = File.ReadAllBytes(path);
        return bytes.AsSpan().StartsWith("OggS"u8) ? Resampling.To(rate, Vorbis(bytes, path)) : Resampling.To(rate, WaveFile.Parse(bytes, path));
    }

    /// <summary>Sound of so many samples: cut, or silent at the end.</summary>
    public static float[] Fit(float[] sound, int samples)
    {
        float[] fitting = new float[samples];
        sound.AsSpan(0, Math.Min(samples, sound.Length)).CopyTo(fitting);
        return fitting;
    }

    static WaveFile Vorbis(byte[] bytes, string path)
    {
        try
        {
            using VorbisReader reader = new(new MemoryStream(bytes));
            List<float> samples = [];
            float[] buffer = new float[reader.Channels * 4096];
            for (int read; (read = reader.ReadSamples(buffer, 0, buffer.Length)) > 0;)
                for (int i = 0; i < read; i += reader.Channels) samples.Add(buffer.AsSpan(i, reader.Channels).ToArray().Average());
            return new([.. samples], reader.SampleRate);
        }
        catch (Exception e) when (e is InvalidDataException or InvalidOperationException or ArgumentException or EndOfStreamException or IndexOutOfRangeException)
        {
            throw new InvalidDataException($"{path} is not a readable Ogg Vorbis file ({e.Message.TrimEnd('.')}); copy it again", e);
        }
    }
}
