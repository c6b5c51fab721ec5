# The SHA-256 of a certificate is shown in pairs with colons, which is longer than what SSH prints.

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("devices", "0008_credential_uses")]

    operations = [
        *(
            migrations.AlterField(
                model_name=model,
                name="public_key",
                field=models.TextField(help_text=text),
            )
            for model, text in (
                ("hostkey", "Base64: a key as in a known_hosts file, or a certificate in DER form."),
                ("offeredkey", "Base64: a key as in a known_hosts file, or a certificate in DER form."),
            )
        ),
        *(
            migrations.AlterField(
                model_name=model,
                name="fingerprint",
                field=models.CharField(max_length=120, help_text=text),
            )
            for model, text in (
                ("hostkey", "SHA256:… as ssh or openssl print it."),
                ("offeredkey", "SHA256:… as ssh or openssl print it."),
                ("hostkeyalert", "SHA256:… of the key that was offered."),
            )
        ),
    ]
